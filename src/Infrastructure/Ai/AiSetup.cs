using Bsp.Application.Ai;
using Bsp.Application.Common;
using Bsp.Infrastructure.Common;
using Bsp.Application.Conversations;
using Bsp.Application.Messages;
using Bsp.Infrastructure.Ai.Embedded;
using Bsp.Infrastructure.Ai.Models;
using Bsp.Infrastructure.Ai.Shadows;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Ai;

/// <summary>Answers and analyses by machines.</summary>
internal static class AiSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<EmbeddedReader>();
        services.AddSingleton<AiSignal>();
        services.AddSingleton<AiSettingsTable>();
        services.AddSingleton<ModelHttp>();
        services.AddSingleton<IModelClients, ModelClients>();
        services.AddSingleton<AiBudget>();
        services.AddSingleton<Circuits>();
        services.AddSingleton<IBoundedMemory>(provider => provider.GetRequiredService<Circuits>().Memory);
        services.AddSingleton<ModelCalls>();
        services.AddSingleton<IAnalyzeText, AnalyzeText>();
        services.AddSingleton<IReplyToCustomers, ReplyToCustomers>();
        services.AddSingleton<AiReading>();
        services.AddSingleton<AiQuestions>();
        services.AddSingleton<AiAnswers>();
        services.AddSingleton<AiAnswering>();
        services.AddSingleton<IAutomaticAnswers, AutomaticAnswers>();
        services.AddHostedService<AiDriver>();
        services.AddSingleton<AiShadowSignal>();
        services.AddSingleton<AiShadowsTable>();
        services.AddHostedService<AiShadowWorker>();
        services.AddSingleton<ISweep, AiSweep>();
        services.AddSingleton<AiPrompts>();
        services.AddSingleton<IPromptTexts>(provider => provider.GetRequiredService<AiPrompts>());
        services.AddSingleton<IBoundedMemory>(provider => provider.GetRequiredService<AiPrompts>().Memory);
    }
}
