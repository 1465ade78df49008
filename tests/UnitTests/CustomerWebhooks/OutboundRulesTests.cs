using System.Net;
using Bsp.Application.CustomerWebhooks;

namespace Bsp.UnitTests.CustomerWebhooks;

public sealed class OutboundRulesTests
{
    [Theory]
    [InlineData("https://hooks.example.com/bsp")]
    [InlineData("https://hooks.example.com:8443/bsp?x=1")]
    [InlineData("https://93.184.216.34/")]
    [InlineData("https://[2606:4700::1111]/")]
    public void An_address_of_the_public_internet_is_taken(string url) => OutboundRules.Public.Fault(url).ShouldBeNull();

    [Theory]
    [InlineData("http://hooks.example.com/")]
    [InlineData("ftp://hooks.example.com/")]
    [InlineData("javascript:alert(1)")]
    [InlineData("https://")]
    [InlineData("//hooks.example.com")]
    [InlineData("https://user:secret@hooks.example.com/")]
    [InlineData("https://@hooks.example.com/")]
    [InlineData("https://hooks.example.com\\@10.0.0.1/")]
    [InlineData("https://hooks.example.com/#fragment")]
    [InlineData("https://hooks.example.com/a b")]
    [InlineData("https://hooks.example.com/\r\nX: y")]
    [InlineData("https://hooks.example.com:22/")]
    [InlineData("https://hooks.example.com:6379/")]
    [InlineData("https://localhost/")]
    [InlineData("https://localhost./")]
    [InlineData("https://a.localhost/")]
    [InlineData("https://intranet/")]
    [InlineData("https://127.0.0.1/")]
    [InlineData("https://127.1/")]
    [InlineData("https://2130706433/")]
    [InlineData("https://0x7f000001/")]
    [InlineData("https://0177.0.0.1/")]
    [InlineData("https://0.0.0.0/")]
    [InlineData("https://10.1.2.3/")]
    [InlineData("https://172.16.0.1/")]
    [InlineData("https://192.168.1.1/")]
    [InlineData("https://100.64.0.1/")]
    [InlineData("https://169.254.169.254/latest/meta-data")]
    [InlineData("https://168.63.129.16/")]
    [InlineData("https://224.0.0.1/")]
    [InlineData("https://255.255.255.255/")]
    [InlineData("https://[::]/")]
    [InlineData("https://[::1]/")]
    [InlineData("https://[::ffff:127.0.0.1]/")]
    [InlineData("https://[::ffff:a9fe:a9fe]/")]
    [InlineData("https://[::127.0.0.1]/")]
    [InlineData("https://[64:ff9b::7f00:1]/")]
    [InlineData("https://[64:ff9b::a9fe:a9fe]/")]
    [InlineData("https://[64:ff9b:1::a00:1]/")]
    [InlineData("https://[2002:7f00:1::]/")]
    [InlineData("https://[2001:0:7f00:1::]/")]
    [InlineData("https://[fe80::1]/")]
    [InlineData("https://[fc00::1]/")]
    [InlineData("https://[fd00:ec2::254]/")]
    [InlineData("https://[ff02::1]/")]
    [InlineData("https://[fe80::1%25eth0]/")]
    [InlineData("https://[2606:4700::1111%251]/")]
    [InlineData("https://[::ffff:0:127.0.0.1]/")]
    [InlineData("https://[::ffff:10.0.0.1]/")]
    [InlineData("https://[2002:a9fe:a9fe::1]/")]
    [InlineData("https://[64:ff9b:1:7f00:1::]/")]
    [InlineData("https://017700000001/")]
    [InlineData("https://0x7f.0.0.1/")]
    [InlineData("https://0x7f.1/")]
    [InlineData("https://10.0x010203/")]
    [InlineData("https://0xA9FEA9FE/latest/meta-data")]
    [InlineData("https://localhost:443/")]
    [InlineData("https://LOCALHOST/")]
    [InlineData("https://a.b.localhost./")]
    [InlineData("https://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3/")]
    [InlineData("https://intranet\u3002/")]
    [InlineData("https://user%40:x@hooks.example.com/")]
    [InlineData("https://hooks.example.com@10.0.0.1/")]
    [InlineData("https://hooks.example.com:0/")]
    [InlineData("https://hooks.example.com:65536/")]
    [InlineData("https://hooks.example.com:-1/")]
    [InlineData("https://hooks.example.com:25/")]
    [InlineData("https://hooks.example.com:27017/")]
    [InlineData("https://hooks.example.com/\u0000")]
    [InlineData("https://hooks.example.com\t/")]
    [InlineData("file:///etc/passwd")]
    [InlineData("gopher://hooks.example.com/")]
    [InlineData("HTTP://hooks.example.com/")]
    [InlineData("")]
    [InlineData(null)]
    public void What_leads_elsewhere_is_refused_with_a_sentence(string? url) => OutboundRules.Public.Fault(url).ShouldNotBeNullOrEmpty();

    [Fact]
    public void What_a_network_of_our_own_allows_is_taken_and_nothing_beside_it()
    {
        var local = new OutboundRules([IPNetwork.Parse("127.0.0.0/8")]);
        local.Fault("http://127.0.0.1:9000/").ShouldBeNull();
        local.Fault("http://localhost:9000/").ShouldBeNull(); // judged when it is connected to
        local.Fault(IPAddress.Parse("::ffff:127.0.0.1"), 9000, tls: false).ShouldBeNull();
        local.Fault(IPAddress.Loopback, 22, tls: false).ShouldBeNull();
        local.Fault(IPAddress.Parse("10.0.0.1"), 443, tls: true).ShouldNotBeNull();
        local.Fault(IPAddress.IPv6Loopback, 443, tls: true).ShouldNotBeNull();
        local.Fault(IPAddress.Parse("93.184.216.34"), 443, tls: false).ShouldNotBeNull();
        local.Fault(IPAddress.Parse("93.184.216.34"), 443, tls: true).ShouldBeNull();
    }
}
