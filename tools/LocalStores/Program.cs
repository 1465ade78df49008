Console.WriteLine("LocalStores");
